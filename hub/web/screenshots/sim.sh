# A simulation that fails with the faults of `faults` in the folder of the launch.
n=${GATOR_ARRAY_INDEX:-0}
fault=$(grep "^$FAULT " faults 2>/dev/null | grep " $n\( \|$\)" | cut -d' ' -f2)
echo "UVM_INFO @ 0: reporter [RNTST] Running test ${FAULT}_test, seed $GATOR_SEED"
i=0
while [ $i -lt 60 ]; do
  i=$((i + 1))
  echo "UVM_INFO uvm_env/scoreboard.sv(88) @ ${i}0500: uvm_test_top.env.sb [SB] beat $i matches"
done
sleep 0.$((n % 7 + 1))
[ -e faults.slow ] && sleep $((n % 5 + 1))
case "$fault" in
  timeout)
    echo "UVM_WARNING uvm_env/axi_monitor.sv(142) @ 611200: uvm_test_top.env.mon [AXI] 14 beats outstanding" >&2
    echo "UVM_ERROR uvm_env/axi_driver.sv(207) @ 61${n}400: uvm_test_top.env.drv [AXI] no bvalid within 200 cycles" >&2
    echo "UVM_INFO @ 612000: reporter [FINISH] 1 error" >&2
    exit 1;;
  refresh)
    echo "UVM_FATAL uvm_env/ddr_checker.sv(55) @ 3${n}9000: uvm_test_top.env.chk [tREFI] refresh missed on bank $n" >&2
    exit 1;;
  flaky) [ "${GATOR_ATTEMPT:-1}" = 1 ] && { echo "UVM_ERROR uvm_env/ltssm.sv(31) @ 900: uvm_test_top.env.ltssm [LTSSM] stuck in Polling.Active" >&2; exit 1; };;
  crash) kill -SEGV $$;;
esac
i=60
while [ $i -lt 140 ]; do
  i=$((i + 1))
  echo "UVM_INFO uvm_env/scoreboard.sv(88) @ ${i}0500: uvm_test_top.env.sb [SB] beat $i matches"
done
echo "::gator metric name=cycles value=$((140500 + n * 310)) unit=cycles kind=sum"
echo "::gator metric name=coverage value=$((80 + n % 9)).4 unit=% kind=max"
echo "UVM_INFO @ 1405000: reporter [FINISH] 0 errors"
