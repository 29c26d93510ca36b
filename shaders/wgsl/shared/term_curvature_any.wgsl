            #import weight
            var along_$r_$k = 0.0;
            for (var q = 0u; q < params.quads; q += 1u) {
                let e = row_points[row_$r * params.quads + q] - column_points[column_$k * params.quads + q];
                along_$r_$k += dot(direction(row_$r, 4u * q), params.scale * e);
            }
            let e_$r_$k = row_points[row_$r * params.quads + params.channel / 4u]
                - column_points[column_$k * params.quads + params.channel / 4u];
            let l_$r_$k = slope(d_$r_$k, c_$r_$k);
            let p_$r_$k = (w_$r_$k * l_$r_$k * l_$r_$k * along_$r_$k) * (params.scale * e_$r_$k);
