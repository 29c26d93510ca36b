    // Neighbouring invocations take neighbouring lines, and the same rows.
    let first_row = (workgroup.y % params.blocks) * $ROWSu;
    let first_line = params.first_line + workgroup.x * (WORKGROUP * $LINESu) + lane;
    #unroll r ROWS
    let my_row_$r = first_row + $ru;
    #end
    #unroll q LINES
    let my_line_$q = first_line + $qu * WORKGROUP;
    #end
