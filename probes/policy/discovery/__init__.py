"""What there is to watch, read from what others wrote: manifests, Compose files, Dockerfiles, lists of tags.

Pure: text and values in, references with their places out. Files, clusters and registries are read by
`probes.discovery`. What may have held an image and could not be read is a *gap*, and a reading with gaps is not
complete: from what is missing in it nothing may be concluded (ADR 44).
"""
