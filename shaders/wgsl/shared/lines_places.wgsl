    // The rows and lines of this invocation. Past the last one it repeats the last, and does not store the result.
    #import my_places
    #unroll r ROWS
    let row_$r = min(my_row_$r, params.rows - 1u);
    #end
    #unroll q LINES
    let line_$q = min(my_line_$q, params.lines - 1u);
    let outer_$q = line_$q / params.inner;
    let inner_$q = line_$q % params.inner;
    let column_place_$q = (outer_$q * params.points_of_columns + params.first_column) * params.inner + inner_$q;
    let row_place_$q = (outer_$q * params.points_of_rows + params.first_row) * params.inner + inner_$q;
    #unroll r ROWS
    let kept_$r_$q = my_row_$r < params.rows && my_line_$q < params.lines;
    let place_$r_$q = row_place_$q + row_$r * params.inner;
    #end
    #end
    let split = workgroup.y / params.blocks;
    let first_state = split * params.lines * params.points_of_rows;
    var column = split * params.columns_per_split;
    let end = min(column + params.columns_per_split, params.columns);
