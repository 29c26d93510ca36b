        if params.finished == 1u {
            for (var index = 0u; index < min(PARTS, params.width - params.channel); index += 1u) {
                let place = row_$r * params.width + params.channel + index;
                out[place] = params.mean_weight * part(total_$r, index);
            }
        } else {
            state[first_state + row_$r] = total_$r;
        }
