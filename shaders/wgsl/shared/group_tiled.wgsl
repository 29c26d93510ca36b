    // The squared distances of 64 rows from 64 columns, as a matrix product is computed: the
    // workgroup loads both, eight coordinates at a time, and each invocation holds the distances of
    // its 8 rows from its 8 columns in registers. Invocations side by side take columns side by
    // side, so that they read from different banks of the memory.
    #unroll k 8
    let column_$k = 8u * group + 8u * $ku + lane_of_columns;
    let h_$k = column_term(column_$k);
    #end
    let my_row = min(first_row_of_workgroup + lane, params.rows - 1u) * params.quads;
    let my_column = (8u * group + lane) * params.quads;
    #import summed SUM=d TERMS=squares_tiled
