    for (var quad = $FIRST; quad < $LAST; quad += 1u) {
        #unroll k 8
        let y_$k = column_points[column_$k * params.quads + quad];
        #end
        #unroll r ROWS
        let x_$r = row_points[row_$r * params.quads + quad];
        let z_$r = direction(row_$r, 4u * quad);
        #unroll k 8
        $SUM_$r_$k += dot(z_$r, params.scale * (x_$r - y_$k));
        #end
        #end
    }
