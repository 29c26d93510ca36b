            let p_$r_$k = exp2(min((u_$r + h_$k) - cost(d_$r_$k), 126.0));
