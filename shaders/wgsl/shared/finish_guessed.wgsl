        if params.finished == 1u {
            out[row_$r] = guessed_value(
                row_potential[row_$r],
                total_$r,
                params.unit,
                params.log_mean_weight,
            );
            if fails(total_$r, params.least_sum, params.largest_sum) {
                alarm[0] = params.token;
            }
        } else {
            state[first_state + row_$r] = total_$r;
        }
