"""What an operator copies to a region's machine: a directory of a few small files, or the same as one archive.

    kairos-edge-eu-west/           0700
        kairos-edge.env            0600  the environment: broker URL with its password, region, where the files lie
        region-key.json            0600  the region's private keys
        broker-ca.pem                    the roots of the broker's certificate, where they are not the system's
        docker-compose.yml               for Docker Compose
        kairos-edge.service              for systemd
        values.yaml                      for the Helm chart
        README.md                        the three ways in ten lines
    kairos-edge-eu-west.tar.gz     0600

The files find each other under `HOME_AT_THE_REGION`, in a container as on a machine. `contents` is pure; `archive`
writes. ADR 21.
"""
