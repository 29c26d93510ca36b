    // ⟨zᵢ, xᵢ − yⱼ⟩ of a group of 8 columns, scaled, summed as the squared distances are.
    #unroll k 8
    #unroll r ROWS
    var along_$r_$k = 0.0;
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
                #unroll k 8
                let y_$k = column_points[column_$k * params.quads + quad];
                #end
                #unroll r ROWS
                let x_$r = row_points[row_$r * params.quads + quad];
                let z_$r = direction(row_$r, 4u * quad);
                #unroll k 8
                block_$r_$k += dot(z_$r, params.scale * (x_$r - y_$k));
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
        along_$r_$k += range_$r_$k;
        #end
        #end
    }
