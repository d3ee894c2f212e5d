"""Many promises shown in one reading of the books, with numpy.

Operations, entries and rounds are read once, as columns of integers, and compared in memory.
What is not shown so is left to the single checks of ``ledger.checks``, which name wrong rows. A
promise that is shown here although its check finds a row would be a defect.
"""
