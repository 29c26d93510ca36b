    // $SUM of 8 columns and all rows, within blocks of 32 terms, then over 32 blocks, then over these.
    #unroll k 8
    #unroll r ROWS
    var $SUM_$r_$k = 0.0;
    #end
    #end
    for (var range = 0u; range < params.quads; range += RANGE_QUADS) {
        let range_end = min(range + RANGE_QUADS, params.quads);
        #unroll k 8
        #unroll r ROWS
        var range_$r_$k = 0.0;
        #end
        #end
        for (var block = range; block < range_end; block += BLOCK_QUADS) {
            let block_end = min(block + BLOCK_QUADS, range_end);
            #unroll k 8
            #unroll r ROWS
            var block_$r_$k = 0.0;
            #end
            #end
            #import $TERMS SUM=block FIRST=block LAST=block_end
            #unroll k 8
            #unroll r ROWS
            range_$r_$k += block_$r_$k;
            #end
            #end
        }
        #unroll k 8
        #unroll r ROWS
        $SUM_$r_$k += range_$r_$k;
        #end
        #end
    }
