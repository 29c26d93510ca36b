    #unroll r ROWS
    if kept_$r {
        let place_$r = (first_group + $SHARE) * (64u * params.tiles) + 64u * params.first_tile + row_$r;
        sums[place_$r] += blocks_$r + block_$r;
    }
    #end
