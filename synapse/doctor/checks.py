"""The declared checks, in the order of the report."""

from __future__ import annotations

from synapse.doctor.cluster import check_agent, check_ray
from synapse.doctor.examination import Check
from synapse.doctor.machine import check_extras, check_files, check_python, check_sdk
from synapse.doctor.network import (
    check_clock,
    check_connection,
    check_dns,
    check_proxy,
    check_tls,
)
from synapse.doctor.server import check_dialect, check_health, check_token, check_upload
from synapse.doctor.setting_sources import check_settings

__all__ = ["CHECKS"]

_REPORT_IT = "Report this as a fault of the SDK, with the text of this line."

CHECKS = (
    Check("Python", check_python, _REPORT_IT),
    Check("SDK", check_sdk, _REPORT_IT),
    Check("extras", check_extras, _REPORT_IT),
    Check("files", check_files, "Check the files and the disk that holds them."),
    Check(
        "settings",
        check_settings,
        "Correct the setting; a token_command must end by itself.",
        limit=6.0,
    ),
    Check("proxy", check_proxy, "Correct the proxy variables.", needs=("settings",)),
    Check(
        "DNS",
        check_dns,
        "Check the network (or VPN) and the DNS servers of this machine.",
        needs=("proxy",),
    ),
    Check("connection", check_connection, "Check the network.", needs=("DNS",)),
    Check(
        "TLS",
        check_tls,
        "Check verify=, REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
        needs=("connection",),
        limit=6.0,
    ),
    Check(
        "server",
        check_health,
        "Check base_url, the server, and any proxy or firewall between.",
        needs=("TLS",),
    ),
    Check("clock", check_clock, "Check the clocks.", needs=("server",)),
    Check("token", check_token, "Check the token.", needs=("server",)),
    Check("dialect", check_dialect, "Ask the server's administrators.", needs=("token",)),
    Check(
        "upload",
        check_upload,
        "See 'An upload fails' on the page Troubleshooting of the manual.",
        needs=("token",),
        limit=10.0,
    ),
    Check(
        "agent",
        check_agent,
        "Check SYNAPSE_AGENT_URL and SYNAPSE_AGENT_TOKEN, and that the agent runs.",
        limit=4.0,
    ),
    Check(
        "Ray",
        check_ray,
        "Check RAY_API_SERVER_ADDRESS and RAY_AUTH_TOKEN, and that the cluster runs.",
        limit=4.0,
    ),
)
