// The function that tells Dream Lab of new objects, deployed by itself.
module dreamlab/cmd/deploy/storage

go 1.26.8

toolchain go1.26.10
