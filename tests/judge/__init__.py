"""A second opinion on what rules mean: brute force, slow on purpose, used by tests only.

The judge is written from the specification: Sigma's, and ``docs/evaluator.md``. It shares nothing with the evaluator,
the converters or pySigma, and reads the field catalogue as plain YAML. Where the two disagree, one of them is wrong or
the specification does not say, and each of these is worth knowing.

``condition`` parses conditions, ``values`` reads fields, ``detect`` judges one record, ``windows`` judges hits over
time, ``feeds`` asks whether a feed was complete, ``stream`` puts them together for a stream of records.
``random_rules`` and ``random_bursts`` make up what both can be asked about.
"""
