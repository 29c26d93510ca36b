    #unroll k 8
    let v_$k = value_at(first_column + $ku);
    #end
