    #import columns
    #import coordinates
