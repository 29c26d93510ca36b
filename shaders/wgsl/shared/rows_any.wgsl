    // The rows of this invocation. Past the last row it repeats the last, and does not store the
    // result.
    let first_row = workgroup.x * (WORKGROUP * $ROWSu) + lane;
    #unroll r ROWS
    let kept_$r = first_row + $ru * WORKGROUP < params.rows;
    let row_$r = min(first_row + $ru * WORKGROUP, params.rows - 1u);
    #end
    let first_state = workgroup.y * params.rows;
