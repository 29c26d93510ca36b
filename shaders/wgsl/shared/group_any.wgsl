    // A group of 8 columns and its squared distances from all rows, four coordinates at a time: one block.
    #import columns
    #unroll k 8
    #unroll r ROWS
    var d_$r_$k = 0.0;
    #end
    #end
    for (var quad = 0u; quad < params.quads; quad += 1u) {
        #unroll r ROWS
        let x_$r = params.scale * row_points[row_$r * params.quads + quad];
        #end
        #import coordinates
        #unroll k 8
        #unroll r ROWS
        let e_$r_$k = x_$r - y_$k;
        d_$r_$k += dot(e_$r_$k, e_$r_$k);
        #end
        #end
    }
