            #import weight
            let l_$r_$k = slope(d_$r_$k, c_$r_$k);
            let p_$r_$k = (w_$r_$k * l_$r_$k * l_$r_$k) * along_$r_$k;
