    for (var quad = $FIRST; quad < $LAST; quad += 1u) {
        #unroll r ROWS
        let x_$r = params.scale * row_points[row_$r * params.quads + quad];
        #end
        #import coordinates
        #unroll k 8
        #unroll r ROWS
        let e_$r_$k = x_$r - y_$k;
        $SUM_$r_$k += dot(e_$r_$k, e_$r_$k);
        #end
        #end
    }
