    // $SUM of 8 columns and all rows, of at most 32 terms, one after the other.
    #unroll k 8
    #unroll r ROWS
    var $SUM_$r_$k = 0.0;
    #end
    #end
    #import $TERMS SUM=$SUM FIRST=0u LAST=params.quads
