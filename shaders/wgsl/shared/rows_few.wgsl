    // The rows of this invocation, in registers.
    #import rows_any
    #unroll r ROWS
    let x_$r = params.scale * point(row_points[row_$r]);
    #end
