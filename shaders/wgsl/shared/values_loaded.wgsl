    #unroll k 8
    let v_$k = value_at(column_$k);
    #end
