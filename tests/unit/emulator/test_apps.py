from synapse.emulator.apps import EmulatorConfig
from synapse.emulator.fault_switch import FaultSwitch


def test_without_a_server_there_are_no_jobs_and_no_admin_token() -> None:
    assert (EmulatorConfig.name, EmulatorConfig.label) == ("synapse.emulator", "emulator")
    assert EmulatorConfig.control_token is None
    assert EmulatorConfig.running is None
    assert not EmulatorConfig.stopping.is_set()
    assert isinstance(EmulatorConfig.faults, FaultSwitch)
