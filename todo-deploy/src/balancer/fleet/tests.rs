//! What is counted in is counted out, whatever happens meanwhile.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Op {
    Register(u32),
    Healthy(u32),
    Unhealthy(u32),
    Eject(u32),
    Readmit(u32),
    Drain(u32),
    Remove(u32),
    Pick(Option<usize>),
    Release(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let id = 0u32..6;
    prop_oneof![
        2 => id.clone().prop_map(Op::Register),
        3 => id.clone().prop_map(Op::Healthy),
        1 => id.clone().prop_map(Op::Unhealthy),
        1 => id.clone().prop_map(Op::Eject),
        1 => id.clone().prop_map(Op::Readmit),
        1 => id.clone().prop_map(Op::Drain),
        1 => id.prop_map(Op::Remove),
        8 => prop::option::of(any::<usize>()).prop_map(Op::Pick),
        6 => any::<usize>().prop_map(Op::Release),
    ]
}

/// Whether the target may get a request: not one that leaves, and not one that is left out while another is well.
fn check(fleet: &Fleet, leases: &[Lease]) {
    for target in fleet.status() {
        let held =
            leases.iter().filter(|lease| lease.target.id == target.id && !lease.target.is_cut()).count();
        assert_eq!(target.in_flight as usize, held, "{target:?}");
        assert!(!(target.routable && target.state == TargetState::Draining), "{target:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn in_flight_returns_to_zero(ops in prop::collection::vec(op(), 1..150)) {
        let fleet = Arc::new(Fleet::new(&Settings::default()));
        let mut leases: Vec<Lease> = Vec::new();
        for op in ops {
            match op {
                Op::Register(id) => {
                    let port = u16::try_from(id).unwrap_or(0) + 1;
                    fleet.register(InstanceId(id), SocketAddr::from((Ipv4Addr::LOCALHOST, port)), id + 1);
                }
                Op::Healthy(id) => fleet.set_state(InstanceId(id), TargetState::Healthy),
                Op::Unhealthy(id) => fleet.set_state(InstanceId(id), TargetState::Unhealthy),
                Op::Eject(id) => {
                    fleet.eject(InstanceId(id));
                }
                Op::Readmit(id) => fleet.readmit(InstanceId(id)),
                Op::Drain(id) => {
                    fleet.drain(InstanceId(id));
                }
                Op::Remove(id) => fleet.remove(InstanceId(id)),
                Op::Pick(not) => {
                    let not = not.and_then(|index| leases.get(index % leases.len().max(1))).map(|lease| lease.slot);
                    if let Some(lease) = fleet.pick(&Choice::default(), not) {
                        prop_assert!(!lease.target.is_leaving());
                        prop_assert_ne!(Some(lease.slot), not);
                        leases.push(lease);
                    }
                }
                Op::Release(index) => {
                    if !leases.is_empty() {
                        let index = index % leases.len();
                        leases.swap_remove(index);
                    }
                }
            }
            check(&fleet, &leases);
        }
        leases.clear();
        prop_assert!(fleet.status().iter().all(|target| target.in_flight == 0));
    }
}

#[test]
fn who_is_refused_changes_nothing() {
    let fleet = Fleet::new(&Settings::default());
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert!(fleet.register(InstanceId(1), at(1), 3).is_some());
    assert!(fleet.register(InstanceId(1), at(2), 9).is_none(), "at another address");
    assert!(fleet.drain(InstanceId(1)).is_some());
    assert!(fleet.register(InstanceId(1), at(1), 9).is_none(), "it is leaving");
    assert_eq!(fleet.status()[0].weight, 3);
}
