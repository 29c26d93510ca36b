    // The squared distances of 64 rows from 64 columns, as a matrix product is computed: the
    // workgroup loads both, eight coordinates at a time, and each invocation holds the distances of
    // its 8 rows from its 8 columns in registers. Invocations side by side take columns side by
    // side, so that they read from different banks of the memory. Terms are summed in blocks of 32,
    // their sums in blocks of as many, and these in a row.
    #unroll k 8
    let column_$k = 8u * group + 8u * $ku + lane_of_columns;
    let h_$k = column_term(column_$k);
    #end
    #unroll k 8
    #unroll r ROWS
    var d_$r_$k = 0.0;
    #end
    #end
    let my_row = min(first_row_of_workgroup + lane, params.rows - 1u) * params.quads;
    let my_column = (8u * group + lane) * params.quads;
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
            for (var quad = block; quad < block_end; quad += 2u) {
                // Past the last quad the same one again, counted 0 times.
                let next = min(quad + 1u, params.quads - 1u);
                let counted = select(0.0, params.scale, quad + 1u < params.quads);
                workgroupBarrier();
                tile_rows[lane] = params.scale * row_points[my_row + quad];
                tile_rows[lane + 64u] = counted * row_points[my_row + next];
                tile_columns[lane] = params.scale * column_points[my_column + quad];
                tile_columns[lane + 64u] = counted * column_points[my_column + next];
                workgroupBarrier();
                #unroll q 2
                #unroll r ROWS
                let x_$q_$r = tile_rows[64u * $qu + 8u * $ru + lane_of_rows];
                #end
                #unroll k 8
                let y_$q_$k = tile_columns[64u * $qu + 8u * $ku + lane_of_columns];
                #unroll r ROWS
                let e_$q_$r_$k = x_$q_$r - y_$q_$k;
                block_$r_$k += dot(e_$q_$r_$k, e_$q_$r_$k);
                #end
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
