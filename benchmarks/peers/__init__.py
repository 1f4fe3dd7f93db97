"""How each tool does the tasks: one module a tool, one function a task.

A function gets ``given`` (where the data are) and a ``clock``, times its phases with it, and gives
the figures by which the ways are compared: the same names, the same numbers, or the table says so.
"""
