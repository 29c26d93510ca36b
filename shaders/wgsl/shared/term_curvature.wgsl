            #import weight
            let e_$r_$k = coordinates(x_$r - y_$k);
            let l_$r_$k = slope(d_$r_$k, c_$r_$k);
            let p_$r_$k = (w_$r_$k * l_$r_$k * l_$r_$k * dot(direction(row_$r, 0u), e_$r_$k)) * e_$r_$k;
