            #import weight
            let p_$r_$k = (w_$r_$k * slope(d_$r_$k, c_$r_$k)) * coordinates(x_$r - y_$k);
