    // $SUM of 8 columns and all rows, up to 32 terms each in a row.
    #unroll k 8
    #unroll r ROWS
    var $SUM_$r_$k = 0.0;
    #end
    #end
    #import $TERMS SUM=$SUM FIRST=0u LAST=params.quads
