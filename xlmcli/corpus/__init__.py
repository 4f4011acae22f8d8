"""Many files on many processors: what is to be done, where it is put, and Ray, which shares it out."""
