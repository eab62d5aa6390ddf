"""Examine the installation, the settings, the network and the server, with a cure for each fault.

`session.doctor()` and the command `synapse doctor` use this package.
"""

from synapse.doctor.checks import CHECKS
from synapse.doctor.examination import Check, Examination, examine
from synapse.doctor.report import DoctorReport, Finding, Status

__all__ = ["CHECKS", "Check", "DoctorReport", "Examination", "Finding", "Status", "examine"]
