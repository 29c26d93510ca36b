    // A group of 8 columns and its squared distances d from all rows.
    #import columns
    #import summed SUM=d TERMS=squares
