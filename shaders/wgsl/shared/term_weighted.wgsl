            #import weight
            let p_$r_$k = w_$r_$k;
