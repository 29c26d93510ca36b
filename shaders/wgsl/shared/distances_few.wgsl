    #unroll k 8
    let d_$r_$k = squared(x_$r - y_$k);
    #end
