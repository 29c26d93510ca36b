    // The rows of this invocation. A row past the last is the last one again; its result is not
    // stored.
    let first_row = workgroup.x * (WORKGROUP * $ROWSu) + lane;
    #unroll r ROWS
    let kept_$r = first_row + $ru * WORKGROUP < params.rows;
    let row_$r = min(first_row + $ru * WORKGROUP, params.rows - 1u);
    #end
    let first_state = workgroup.y * params.rows;
