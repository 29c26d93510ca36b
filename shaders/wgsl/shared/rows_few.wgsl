    // The rows of this invocation, in registers. A row past the last is the last one again; its
    // result is not stored.
    let first_row = workgroup.x * (WORKGROUP * $ROWSu) + lane;
    #unroll r ROWS
    let row_$r = min(first_row + $ru * WORKGROUP, params.rows - 1u);
    let x_$r = params.scale * point(row_points[row_$r]);
    #end
