            let c_$r_$k = cost(d_$r_$k);
            let s_$r_$k = clamp((u_$r + h_$k) - params.decay * c_$r_$k, -126.0, 126.0);
            let w_$r_$k = v_$k * excess(s_$r_$k);
