"""Programs that run NIR files in other packages: each is started by that package's own Python, without lifexport.

``run_<tool>.py FOLDER`` reads ``FOLDER/jobs.json``, a list of ``{"file", "inputs", "output", "dt", "reset",
"settings"}``: the graph, the name of a float32 array ``(time, batch, *features)``, the name under which spikes of the
same layout are kept, and what the package is told beside the file. ``FOLDER/report.json`` says who ran, and what each
job raised.
"""
