    // A group of 8 columns: each invocation loads all of them.
    let first_column = 8u * group;
    #unroll k 8
    let y_$k = params.scale * point(column_points[first_column + $ku]);
    let h_$k = column_term(first_column + $ku);
    #end
