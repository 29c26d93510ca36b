    var mass = 0.0;
    #unroll r ROWS
    mass += a_$r * (blocks_$r + block_$r);
    #end
    add_mass(lane, workgroup.x, first_mass + $SHARE, mass);
