    // A group of 8 columns and its squared distances from all rows, four coordinates at a time: summed in
    // blocks of 32 terms, their sums in blocks of as many, and these in a row.
    #import columns
    #unroll k 8
    #unroll r ROWS
    var d_$r_$k = 0.0;
    #end
    #end
    for (var range = 0u; range < params.quads; range += RANGE_QUADS) {
        let range_end = min(range + RANGE_QUADS, params.quads);
        #unroll k 8
        #unroll r ROWS
        var range_$r_$k = 0.0;
        #end
        #end
        for (var block = range; block < range_end; block += BLOCK_QUADS) {
            let block_end = min(block + BLOCK_QUADS, range_end);
            #unroll k 8
            #unroll r ROWS
            var block_$r_$k = 0.0;
            #end
            #end
            for (var quad = block; quad < block_end; quad += 1u) {
                #unroll r ROWS
                let x_$r = params.scale * row_points[row_$r * params.quads + quad];
                #end
                #import coordinates
                #unroll k 8
                #unroll r ROWS
                let e_$r_$k = x_$r - y_$k;
                block_$r_$k += dot(e_$r_$k, e_$r_$k);
                #end
                #end
            }
            #unroll k 8
            #unroll r ROWS
            range_$r_$k += block_$r_$k;
            #end
            #end
        }
        #unroll k 8
        #unroll r ROWS
        d_$r_$k += range_$r_$k;
        #end
        #end
    }
