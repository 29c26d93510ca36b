    // Neighbouring invocations take neighbouring rows, and the same lines.
    let first_row = workgroup.x * (WORKGROUP * $ROWSu) + lane;
    let first_line = params.first_line + (workgroup.y % params.blocks) * $LINESu;
    #unroll r ROWS
    let my_row_$r = first_row + $ru * WORKGROUP;
    #end
    #unroll q LINES
    let my_line_$q = first_line + $qu;
    #end
