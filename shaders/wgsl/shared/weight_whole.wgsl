            let c_$r_$k = cost(d_$r_$k);
            let s_$r_$k = min((u_$r + h_$k) - params.decay * c_$r_$k, 126.0);
            let w_$r_$k = v_$k * (exp2(s_$r_$k) * (params.factor_one + params.factor_cost * c_$r_$k));
