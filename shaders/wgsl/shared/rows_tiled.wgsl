    // The workgroup has 8 by 8 invocations. Those in one row of it share 8 rows and divide the columns
    // among them, each with its own state. Past the last row they repeat the last, and do not store
    // the result.
    let lane_of_rows = lane >> 3u;
    let lane_of_columns = lane & 7u;
    let first_row_of_workgroup = workgroup.x * 64u;
    #unroll r ROWS
    let kept_$r = first_row_of_workgroup + 8u * $ru + lane_of_rows < params.rows;
    let row_$r = min(first_row_of_workgroup + 8u * $ru + lane_of_rows, params.rows - 1u);
    #end
    let first_state = (8u * workgroup.y + lane_of_columns) * params.rows;
