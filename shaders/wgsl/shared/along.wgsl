    // ⟨zᵢ, xᵢ − yⱼ⟩ of a group of 8 columns, scaled, summed as the squared distances are.
    #import summed SUM=along TERMS=slants
