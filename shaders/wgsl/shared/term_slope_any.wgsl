            #import weight
            let e_$r_$k = row_points[row_$r * params.quads + params.channel / 4u]
                - column_points[column_$k * params.quads + params.channel / 4u];
            let p_$r_$k = (w_$r_$k * slope(d_$r_$k, c_$r_$k)) * (params.scale * e_$r_$k);
