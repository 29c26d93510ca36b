    let group = position;
