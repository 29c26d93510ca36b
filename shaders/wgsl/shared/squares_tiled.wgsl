    for (var quad = $FIRST; quad < $LAST; quad += 2u) {
        // Past the last quad it repeats the last, with the factor 0.
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
        $SUM_$r_$k += dot(e_$q_$r_$k, e_$q_$r_$k);
        #end
        #end
        #end
    }
