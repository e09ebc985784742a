"""A day in minutes: the real dispatcher, ingest and verdict code on a clock of its own, around scripted regions.

| module        | is                                                                    |
|---------------|-----------------------------------------------------------------------|
| `spans`       | how long: `1h30m`                                                      |
| `document`    | a YAML file as parts that know their line                              |
| `scenario`    | what there is: regions, images, groups, windows                        |
| `script`      | what happens: what regions find when, and who is away                  |
| `expectation` | what must come of it, to the second                                    |
| `scratch`     | a database that is thrown away, and keys                               |
| `founding`    | the scenario as rows, made by the actions that people use              |
| `far_region`  | a region: the gate, the clock and the keys of a worker, and no network |
| `control`     | what beat and the queues have the control plane do                     |
| `world`       | the clock, and all of them around it                                   |
| `told`        | what came of it, read from the database                                |
| `report`      | the same for people                                                    |

Why it is this way: docs/adr/0033.
"""
